-- The tables of an operator's platform, as its own migrations made them.
create table users (
  id integer primary key autoincrement,
  email varchar(255) not null unique,
  password_hash varchar(255) not null,
  created_at datetime default current_timestamp
);
create table contacts (
  id integer primary key autoincrement,
  phone_number varchar(20) not null,
  country_code varchar(5) not null,
  full_number varchar(25) not null unique,
  first_name varchar(100),
  last_name varchar(100),
  whatsapp_verified boolean,
  verified_at datetime,
  created_by integer references users (id) on delete set null,
  created_at datetime default current_timestamp,
  updated_at datetime default current_timestamp
);
create table categories (
  id integer primary key autoincrement,
  name varchar(100) not null unique,
  color varchar(7) default '#3B82F6',
  created_by integer references users (id) on delete set null,
  created_at datetime default current_timestamp,
  updated_at datetime default current_timestamp
);
create table category_contacts (
  id integer primary key autoincrement,
  category_id integer not null references categories (id) on delete cascade,
  contact_id integer not null references contacts (id) on delete cascade,
  added_at datetime default current_timestamp,
  unique (category_id, contact_id)
);
create table campaigns (
  id integer primary key autoincrement,
  name varchar(255) not null,
  message_1 text,
  message_2 text,
  template_name varchar(100),
  status varchar(50) default 'draft' check (status in ('draft', 'sending', 'completed', 'failed')),
  total_recipients integer default 0,
  sent_count integer default 0,
  success_count integer default 0,
  failed_count integer default 0,
  interaction_count integer default 0,
  created_by integer references users (id) on delete set null,
  created_at datetime default current_timestamp,
  updated_at datetime default current_timestamp
);
create table campaign_categories (
  id integer primary key autoincrement,
  campaign_id integer not null references campaigns (id) on delete cascade,
  category_id integer not null references categories (id) on delete cascade,
  unique (campaign_id, category_id)
);
create table messages (
  id integer primary key autoincrement,
  campaign_id integer not null references campaigns (id) on delete cascade,
  contact_id integer not null references contacts (id) on delete cascade,
  message_type varchar(20) not null check (message_type in ('message_1', 'message_2')),
  content text not null,
  status varchar(50) default 'pending' check (status in ('pending', 'sent', 'delivered', 'read', 'failed')),
  whatsapp_message_id varchar(255),
  error_message text,
  retry_count integer default 0,
  sent_at datetime,
  delivered_at datetime,
  read_at datetime,
  created_at datetime default current_timestamp,
  updated_at datetime default current_timestamp
);
create index idx_messages_campaign on messages (campaign_id);
create index idx_messages_status on messages (status);
create table interactions (
  id integer primary key autoincrement,
  campaign_id integer not null references campaigns (id) on delete cascade,
  contact_id integer not null references contacts (id) on delete cascade,
  message_id integer references messages (id) on delete cascade,
  interaction_type varchar(20) not null check (interaction_type in ('reply', 'reaction', 'read', 'delivered')),
  content text,
  whatsapp_message_id varchar(255),
  received_at datetime default current_timestamp
);
