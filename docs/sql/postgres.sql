-- The tables of a campaign platform as wsend makes them in an empty database of PostgreSQL. Made by npm run docs.

create table contacts (
  id bigserial primary key,
  phone_number varchar(25),
  country_code varchar(10),
  full_number varchar(25) not null,
  first_name varchar(100),
  last_name varchar(100),
  whatsapp_verified boolean,
  verified_at timestamptz null,
  created_at timestamptz not null default current_timestamp,
  updated_at timestamptz not null default current_timestamp,
  unique (full_number)
);

create table categories (
  id bigserial primary key,
  name varchar(100) not null,
  color varchar(20),
  created_at timestamptz not null default current_timestamp,
  updated_at timestamptz not null default current_timestamp
);

create table category_contacts (
  id bigserial primary key,
  category_id bigint not null,
  contact_id bigint not null,
  added_at timestamptz not null default current_timestamp,
  unique (category_id, contact_id),
  foreign key (category_id) references categories (id) on delete cascade,
  foreign key (contact_id) references contacts (id) on delete cascade
);

create index category_contacts_contact_id on category_contacts (contact_id);

create table campaigns (
  id bigserial primary key,
  name varchar(100) not null,
  message_1 text,
  message_2 text,
  template_name varchar(100),
  status varchar(50) not null default 'draft' check (status in ('draft', 'sending', 'completed', 'failed')),
  total_recipients integer not null default 0,
  sent_count integer not null default 0,
  success_count integer not null default 0,
  failed_count integer not null default 0,
  interaction_count integer not null default 0,
  created_at timestamptz not null default current_timestamp,
  updated_at timestamptz not null default current_timestamp
);

create table campaign_categories (
  id bigserial primary key,
  campaign_id bigint not null,
  category_id bigint not null,
  unique (campaign_id, category_id),
  foreign key (campaign_id) references campaigns (id) on delete cascade,
  foreign key (category_id) references categories (id) on delete cascade
);

create table messages (
  id bigserial primary key,
  campaign_id bigint not null,
  contact_id bigint not null,
  message_type varchar(50) not null check (message_type in ('message_1', 'message_2')),
  content text,
  status varchar(50) not null default 'pending' check (status in ('pending', 'sent', 'delivered', 'read', 'failed')),
  whatsapp_message_id varchar(255),
  error_message text,
  retry_count integer not null default 0,
  sent_at timestamptz null,
  delivered_at timestamptz null,
  read_at timestamptz null,
  created_at timestamptz not null default current_timestamp,
  updated_at timestamptz not null default current_timestamp,
  foreign key (campaign_id) references campaigns (id) on delete cascade,
  foreign key (contact_id) references contacts (id) on delete cascade
);

create index messages_campaign_id_message_type_status_id on messages (campaign_id, message_type, status, id);

create index messages_contact_id_campaign_id on messages (contact_id, campaign_id);

create index messages_whatsapp_message_id on messages (whatsapp_message_id);

create table interactions (
  id bigserial primary key,
  campaign_id bigint,
  contact_id bigint,
  message_id bigint,
  interaction_type varchar(50) not null check (interaction_type in ('reply', 'reaction', 'read', 'delivered')),
  content text,
  whatsapp_message_id varchar(255),
  received_at timestamptz not null default current_timestamp,
  foreign key (campaign_id) references campaigns (id) on delete cascade,
  foreign key (contact_id) references contacts (id) on delete cascade,
  foreign key (message_id) references messages (id) on delete cascade
);

create index interactions_campaign_id_contact_id on interactions (campaign_id, contact_id);

create index interactions_message_id on interactions (message_id);
