-- The tables of a campaign platform as wsend makes them in an empty database of MySQL and MariaDB. Made by npm run docs.

create table contacts (
  id bigint primary key auto_increment,
  phone_number varchar(25),
  country_code varchar(10),
  full_number varchar(25) not null,
  first_name varchar(100),
  last_name varchar(100),
  whatsapp_verified boolean,
  verified_at datetime(3) null,
  created_at datetime(3) not null default current_timestamp(3),
  updated_at datetime(3) not null default current_timestamp(3),
  unique (full_number)
) engine = InnoDB default charset = utf8mb4;

create table categories (
  id bigint primary key auto_increment,
  name varchar(100) not null,
  color varchar(20),
  created_at datetime(3) not null default current_timestamp(3),
  updated_at datetime(3) not null default current_timestamp(3)
) engine = InnoDB default charset = utf8mb4;

create table category_contacts (
  id bigint primary key auto_increment,
  category_id bigint not null,
  contact_id bigint not null,
  added_at datetime(3) not null default current_timestamp(3),
  unique (category_id, contact_id),
  foreign key (category_id) references categories (id) on delete cascade,
  foreign key (contact_id) references contacts (id) on delete cascade,
  index category_contacts_contact_id (contact_id)
) engine = InnoDB default charset = utf8mb4;

create table campaigns (
  id bigint primary key auto_increment,
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
  created_at datetime(3) not null default current_timestamp(3),
  updated_at datetime(3) not null default current_timestamp(3)
) engine = InnoDB default charset = utf8mb4;

create table campaign_categories (
  id bigint primary key auto_increment,
  campaign_id bigint not null,
  category_id bigint not null,
  unique (campaign_id, category_id),
  foreign key (campaign_id) references campaigns (id) on delete cascade,
  foreign key (category_id) references categories (id) on delete cascade
) engine = InnoDB default charset = utf8mb4;

create table messages (
  id bigint primary key auto_increment,
  campaign_id bigint not null,
  contact_id bigint not null,
  message_type varchar(50) not null check (message_type in ('message_1', 'message_2')),
  content text,
  status varchar(50) not null default 'pending' check (status in ('pending', 'sent', 'delivered', 'read', 'failed')),
  whatsapp_message_id varchar(255),
  error_message text,
  retry_count integer not null default 0,
  sent_at datetime(3) null,
  delivered_at datetime(3) null,
  read_at datetime(3) null,
  created_at datetime(3) not null default current_timestamp(3),
  updated_at datetime(3) not null default current_timestamp(3),
  foreign key (campaign_id) references campaigns (id) on delete cascade,
  foreign key (contact_id) references contacts (id) on delete cascade,
  index messages_campaign_id_message_type_status_id (campaign_id, message_type, status, id),
  index messages_contact_id_campaign_id (contact_id, campaign_id),
  index messages_whatsapp_message_id (whatsapp_message_id)
) engine = InnoDB default charset = utf8mb4;

create table interactions (
  id bigint primary key auto_increment,
  campaign_id bigint,
  contact_id bigint,
  message_id bigint,
  interaction_type varchar(50) not null check (interaction_type in ('reply', 'reaction', 'read', 'delivered')),
  content text,
  whatsapp_message_id varchar(255),
  received_at datetime(3) not null default current_timestamp(3),
  foreign key (campaign_id) references campaigns (id) on delete cascade,
  foreign key (contact_id) references contacts (id) on delete cascade,
  foreign key (message_id) references messages (id) on delete cascade,
  index interactions_campaign_id_contact_id (campaign_id, contact_id),
  index interactions_message_id (message_id)
) engine = InnoDB default charset = utf8mb4;
