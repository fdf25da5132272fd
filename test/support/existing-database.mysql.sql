-- The tables of an operator's platform, as its own migrations made them.
create table users (
  id int auto_increment primary key,
  email varchar(255) not null unique,
  password_hash varchar(255) not null,
  created_at timestamp null default current_timestamp
);
create table contacts (
  id int auto_increment primary key,
  phone_number varchar(20) not null,
  country_code varchar(5) not null,
  full_number varchar(25) not null unique,
  first_name varchar(100),
  last_name varchar(100),
  whatsapp_verified boolean,
  verified_at timestamp null,
  created_by int,
  created_at timestamp null default current_timestamp,
  updated_at timestamp null default current_timestamp on update current_timestamp,
  foreign key (created_by) references users (id) on delete set null
);
create table categories (
  id int auto_increment primary key,
  name varchar(100) not null unique,
  color varchar(7) default '#3B82F6',
  created_by int,
  created_at timestamp null default current_timestamp,
  updated_at timestamp null default current_timestamp on update current_timestamp,
  foreign key (created_by) references users (id) on delete set null
);
create table category_contacts (
  id int auto_increment primary key,
  category_id int not null,
  contact_id int not null,
  added_at timestamp null default current_timestamp,
  unique (category_id, contact_id),
  foreign key (category_id) references categories (id) on delete cascade,
  foreign key (contact_id) references contacts (id) on delete cascade
);
create table campaigns (
  id int auto_increment primary key,
  name varchar(255) not null,
  message_1 text,
  message_2 text,
  template_name varchar(100),
  status varchar(50) default 'draft' check (status in ('draft', 'sending', 'completed', 'failed')),
  total_recipients int default 0,
  sent_count int default 0,
  success_count int default 0,
  failed_count int default 0,
  interaction_count int default 0,
  created_by int,
  created_at timestamp null default current_timestamp,
  updated_at timestamp null default current_timestamp on update current_timestamp,
  foreign key (created_by) references users (id) on delete set null
);
create table campaign_categories (
  id int auto_increment primary key,
  campaign_id int not null,
  category_id int not null,
  unique (campaign_id, category_id),
  foreign key (campaign_id) references campaigns (id) on delete cascade,
  foreign key (category_id) references categories (id) on delete cascade
);
create table messages (
  id int auto_increment primary key,
  campaign_id int not null,
  contact_id int not null,
  message_type varchar(20) not null check (message_type in ('message_1', 'message_2')),
  content text not null,
  status varchar(50) default 'pending' check (status in ('pending', 'sent', 'delivered', 'read', 'failed')),
  whatsapp_message_id varchar(255),
  error_message text,
  retry_count int default 0,
  sent_at timestamp null,
  delivered_at timestamp null,
  read_at timestamp null,
  created_at timestamp null default current_timestamp,
  updated_at timestamp null default current_timestamp on update current_timestamp,
  foreign key (campaign_id) references campaigns (id) on delete cascade,
  foreign key (contact_id) references contacts (id) on delete cascade
);
create index idx_messages_campaign on messages (campaign_id);
create index idx_messages_status on messages (status);
create table interactions (
  id int auto_increment primary key,
  campaign_id int not null,
  contact_id int not null,
  message_id int,
  interaction_type varchar(20) not null check (interaction_type in ('reply', 'reaction', 'read', 'delivered')),
  content text,
  whatsapp_message_id varchar(255),
  received_at timestamp null default current_timestamp,
  foreign key (campaign_id) references campaigns (id) on delete cascade,
  foreign key (contact_id) references contacts (id) on delete cascade,
  foreign key (message_id) references messages (id) on delete cascade
);
